"""What an intake needs and takes seconds to import: processes that fork others for their work import this first.

Great Expectations alone costs three seconds of a processor, of which an intake otherwise needs one.
"""

import great_expectations.execution_engine
import great_expectations.expectations.expectation_configuration
import great_expectations.validator.metrics_calculator  # noqa: F401

import outcomes.intake.reprocessing  # noqa: F401
