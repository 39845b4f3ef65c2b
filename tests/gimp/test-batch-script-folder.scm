; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; status: 70
;; says: Error: The folder for the pictures cannot be made:
;
; The third part of test-batch-script.scm: where nothing can be written nothing is painted either.

(load (string-append test-source "/../../plugin/scripts/gesso-batch.scm"))
(let ((port (open-output-file (in-test-folder "one.txt"))))
  (display "a fox" port)
  (close-output-port port))
(gesso-batch (in-test-folder "one.txt") (in-test-folder "one.txt/folder") test-model 1 5)
