"""Binary-noise diffusion over piano rolls: knows arrays and grids, neither files nor songs."""
