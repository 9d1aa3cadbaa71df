"""How a plane through a volume is drawn."""

# by the axis of a (z, y, x) volume across which the plane lies: its name, then what runs right and up in the picture
PLANE_AXES = {0: ("z", "x", "y"), 1: ("y", "x", "z"), 2: ("x", "y", "z")}
