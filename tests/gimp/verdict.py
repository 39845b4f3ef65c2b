# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What GIMP and a plug-in may say, and what is a failure whatever else went well."""

import re

BAD = re.compile(
    r"CRITICAL|GeglBuffers? leaked|crashed|wire_read|AddressSanitizer|runtime error:"
    r"|^\((gesso|process):\d+\).*WARNING|Segmentation fault"
)
# GIMP's own: at its end, when windows open, and from its PNG exporter, which cannot make the thumbnail of a deep image;
# and from any plug-in that says goodbye to a GIMP which, on a busy machine, has hung up already.
KNOWN = re.compile(
    r"^\(gimp[^)]*\).*g_object_unref: assertion 'G_IS_OBJECT \(object\)' failed"
    r"|^\(gimp[^)]*\): Gtk-CRITICAL .*gtk_widget_get_window: assertion"
    r"|^\(file-png:\d+\).*CRITICAL"
    r"|: LibGimp-WARNING .*gimp_flush\(\): error:"
)


def complaints(output, allowed=()):
    """Lines of GIMP's output that make a test fail, but for those that match an expression of `allowed`."""
    return [
        line
        for line in output.splitlines()
        if BAD.search(line) and not KNOWN.search(line) and not any(re.search(pattern, line) for pattern in allowed)
    ]
