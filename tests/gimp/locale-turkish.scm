; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; locale: tr_TR.UTF-8

(load (string-append test-source "/locale-picture.scm"))
(load (string-append test-source "/locale-stored.scm"))
