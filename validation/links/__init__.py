"""Links between the parts of the system: proxies that know where they stand in the protocol, and can fail there on purpose."""
