# SPDX-License-Identifier: Apache-2.0
"""What the black box tests stand on: a modgate process, scripted origins, HTTP and go clients."""
