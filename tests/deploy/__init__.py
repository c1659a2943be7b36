"""What deploy/ promises: the files agree with the gateway, and the image does what its README says."""
