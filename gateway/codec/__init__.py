"""Bytes to messages and back, purely: nothing here waits, connects, reads a clock or rolls dice.

Every decoder accepts its input or raises `Malformed`, never anything else; what it accepts can be
written again on every binding. Who is to blame is the edge's to say.
"""
