; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; after: check-parameters.py @FOLDER@/pictures/0001-a-red-fox.png "A red fox!" "Seed: 5,"
;; after: check-parameters.py @FOLDER@/pictures/0004-a-hen.png "a hen 狐" "Seed: 8,"
;; then: test-batch-script-fails.scm
;; then: test-batch-script-folder.scm
;
; The script that paints the lines of a file.

(load (string-append test-source "/../../plugin/scripts/gesso-batch.scm"))
(define prompts (in-test-folder "prompts.txt"))
(define (write-prompts . lines)
  (let ((port (open-output-file prompts)))
    (for-each (lambda (line) (display line port) (newline port)) lines)
    (close-output-port port)))
(define (there? name) (file-exists? (in-test-folder (string-append "pictures/" name))))
(define (run) (gesso-batch prompts (in-test-folder "pictures") test-model 1 5))

(write-prompts "A red fox!" "# a note" "  " "a hen 狐")
(run)
(check "a PNG" (there? "0001-a-red-fox.png"))
(check "and an XCF" (there? "0001-a-red-fox.xcf"))
(check "the fourth line" (there? "0004-a-hen.xcf"))
(check "no note" (not (there? "0002-a-note.png")))

; As after a kill: the first is done, of the other there is half.
(define (size name) (file-size (in-test-folder (string-append "pictures/" name))))
(define before (size "0004-a-hen.png"))
(file-delete (in-test-folder "pictures/0004-a-hen.xcf"))
(let ((port (open-output-file (in-test-folder "pictures/0004-a-hen.png"))))
  (display "half" port)
  (close-output-port port))
(let ((port (open-output-file (in-test-folder "pictures/0001-a-red-fox.png"))))
  (display "kept" port)
  (close-output-port port))
(set! gesso-batch-size 1)
(write-prompts "A red fox!" "# a note" "  " "a hen 狐" "an owl")
(run)
(check-equal "what was there is not painted again" (size "0001-a-red-fox.png") 4)
(check-equal "what was half done is done again" (size "0004-a-hen.png") before)
(check "what is new is added" (there? "0005-an-owl.xcf"))
(file-delete (in-test-folder "pictures/0001-a-red-fox.xcf"))
(run)
(check "what was deleted comes back" (> (size "0001-a-red-fox.png") 4))

(file-delete (in-test-folder "pictures/0005-an-owl.xcf"))
(check-equal "-1 is a random seed for each line" (map caddr (gesso-batch-jobs prompts (in-test-folder "elsewhere") -1))
             '(-1 -1 -1))
(check-equal "seeds begin anew after the largest"
             (map caddr (gesso-batch-jobs prompts (in-test-folder "elsewhere") 2147483645))
             '(2147483645 0 1))

(check-fails "no such model" (lambda () (gesso-batch prompts (in-test-folder "pictures") "nonesuch" 1 5)) "nonesuch")
