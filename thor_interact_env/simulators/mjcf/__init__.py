"""MJCF scenes on disk behind the `Simulator` protocol: MolmoSpaces, exported rooms, scenes of your own."""
