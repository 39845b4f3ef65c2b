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
(define (write-bytes file . bytes)
  (let ((port (open-output-file file)))
    (for-each (lambda (b) (write-byte (integer->byte b) port)) bytes)
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
(file-delete (in-test-folder "pictures/0001-a-red-fox.png"))
(run)
(check "also where it was the PNG alone" (there? "0001-a-red-fox.png"))

(file-delete (in-test-folder "pictures/0005-an-owl.xcf"))
(check-equal "-1 is a random seed for each line" (map caddr (gesso-batch-jobs prompts (in-test-folder "elsewhere") -1))
             '(-1 -1 -1))
(check-equal "seeds begin anew after the largest"
             (map caddr (gesso-batch-jobs prompts (in-test-folder "elsewhere") 2147483645))
             '(2147483645 0 1))

; --- files as other editors write them ---
(define other (in-test-folder "other.txt"))
(define (check-lines what lines . bytes)
  (apply write-bytes other bytes)
  (check-equal what (gesso-batch-lines other) lines))
(define (check-no-text what . bytes)
  (apply write-bytes other bytes)
  (check-fails what (lambda () (gesso-batch-lines other)) "not UTF-8 text; save it as UTF-8" "other.txt"))
(check-lines "a byte order mark is no part of the first line" '("#a" "b") #xEF #xBB #xBF 35 97 10 98 10)
(check-lines "lines that end as on Windows" '("a" "" "b") 97 13 10 13 10 98 13 10)
(check-lines "and as on old Macs" '("a" "b" "" "c") 97 13 98 13 13 99 13)
(check-lines "any letter" '("é狐𝄞") #xC3 #xA9 #xE7 #x8B #x90 #xF0 #x9D #x84 #x9E)
(check-lines "an empty file" '())
; The script's own errors end GIMP's run, unless they are taken for errors of what it calls.
(define error-that-ends error)
(set! error (lambda parts (*error-hook* (apply string-append (map test-show parts)))))
(check-no-text "a NUL" 97 10 98 0 99 10)
(check-no-text "UTF-16 with its mark" #xFF #xFE 97 0 10 0)
(check-no-text "Latin-1" 99 97 102 #xE9 10)
(set! error error-that-ends)

(gesso-batch-make-folder (in-test-folder "deep/down/here"))
(check "the folders above are made as well" (file-exists? (in-test-folder "deep/down/here")))

(check-fails "no such model" (lambda () (gesso-batch prompts (in-test-folder "pictures") "nonesuch" 1 5)) "nonesuch")
