"""What an intake needs and takes seconds to import and to make: processes that fork others import this first.

Great Expectations and its expectations take more than three seconds of a processor, of which an intake otherwise needs
one.
"""

import outcomes.intake.reprocessing  # noqa: F401
from outcomes.intake.expectations import make_ahead

make_ahead()
