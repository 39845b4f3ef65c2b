# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""How long to wait: GESSO_PATIENCE=10 makes every limit of these tests ten times as long, for a machine that has much
else to do."""

import os

FACTOR = float(os.environ.get("GESSO_PATIENCE") or 1)
