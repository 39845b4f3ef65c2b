; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; status: 70
;; says: Error: The file with the prompts cannot be read: "nowhere.txt"
;
; The second half of test-batch-script.scm: a failure of the script is GIMP's.

(load (string-append test-source "/../../plugin/scripts/gesso-batch.scm"))
(gesso-batch "nowhere.txt" test-folder test-model 1 5)
