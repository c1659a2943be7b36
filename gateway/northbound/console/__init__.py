"""The console: a page that talks to the gateway's agents and shows what crosses the wire meanwhile.

Here are what serves it (Python) and the page itself (HTML, CSS and modules of JavaScript, served as
they stand). The page is a caller like any other; all it has for itself is the feed of frames.
"""
