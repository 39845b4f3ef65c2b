; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; What test-locale.scm has stored, in another language.

(define stored (gimp-file-load RUN-NONINTERACTIVE (in-test-folder "stored.xcf")))
(gimp-image-set-selected-layers stored (vector (vector-ref (gimp-image-get-layers stored) 0)))
(define again (vector-ref (plug-in-gesso-reuse-settings #:image stored) 0))
(check "the stored settings give that picture, too" (test-same-as-file? again (in-test-folder "cli.png")))
