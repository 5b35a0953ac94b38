"""The adapter to AI2-THOR: `simulator.Ai2thorSimulator` over the client `ai2thor.controller.Controller`."""
