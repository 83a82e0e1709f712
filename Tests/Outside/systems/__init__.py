"""Job systems as their users run them: each module starts its real producers and workers, and asks its own client."""
