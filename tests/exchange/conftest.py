"""What several files of these tests begin with: an entry that must go."""

from tests.support.erasing import own_lists as own_lists
from tests.support.erasing import two as two
