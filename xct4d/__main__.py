"""`python -m xct4d`: the command `xct4d` where it is not installed."""

import sys

from xct4d.commands.main import main

sys.exit(main())
