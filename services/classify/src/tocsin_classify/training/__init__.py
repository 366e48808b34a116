"""How the shipped model is made: unpack, trim, train, export, evaluate, describe (`tocsin train`)."""
