"""What an intake needs and takes seconds to import and to make: processes that fork others import this first.

Great Expectations and its expectations take four seconds of a processor, of which an intake otherwise needs one.
"""

import great_expectations.execution_engine
import great_expectations.expectations.expectation_configuration
import great_expectations.validator.metrics_calculator  # noqa: F401

import outcomes.intake.reprocessing  # noqa: F401
from outcomes.intake.expectations import make_ahead

make_ahead()
