"""What every gRPC server keeps, whatever is behind its port: one suite, run once for each of them."""
