"""How articles, classifications, alerts and dead letters look to people. Nothing here reads or sends."""
