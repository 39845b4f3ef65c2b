; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; Repeating with the last values, as GIMP's "Repeat" does: those of the last dialog, with a new seed unless it is locked.

; What GIMP keeps when a dialog has been used.
(define (write-last procedure locked . more)
  (let* ((folder (string-append gimp-directory "/plug-in-settings"))
         (file (string-append folder "/GimpProcedureConfigRun-" procedure ".last")))
    (if (not (file-exists? folder))
        (dir-make folder))
    (let ((port (open-output-file file)))
      (for-each (lambda (line) (display line port) (newline port))
                (append (list "(prompt \"the last one\")" (string-append "(model \"" test-model "\")") "(steps 2)"
                              "(seed 77)" "(width 32)" "(height 24)" (string-append "(lock-seed " locked ")"))
                        more))
      (close-output-port port))))
(define (seed-of layer)
  (test-number-after (caddr (gimp-item-get-parasite layer "gesso-settings")) "\"seed\":"))

(define image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(define (repeat)
  (vector-ref (plug-in-gesso-generate-layer #:run-mode RUN-WITH-LAST-VALS #:image image #:prompt "not this") 0))

(write-last "plug-in-gesso-generate-layer" "yes")
(define layer (repeat))
(check-equal "the last prompt" (gimp-item-get-name layer) "the last one")
(check-equal "the last size" (gimp-drawable-get-width layer) 32)
(check-equal "a locked seed stays" (seed-of layer) 77)
(write-last "plug-in-gesso-generate-layer" "no")
(define one (seed-of (repeat)))
(define two (seed-of (repeat)))
(check "a seed that is not locked is a new one" (not (= one 77)))
(check "each time" (not (= one two)))
(write-last "plug-in-gesso-generate-layer" "no" "(seed 2147483647)" "(count 2)")
(check "also after the largest one there is" (>= (seed-of (repeat)) 0))
(gimp-image-delete image)

(write-last "plug-in-gesso-generate-image" "yes")
(define image (plug-in-gesso-generate-image #:run-mode RUN-WITH-LAST-VALS #:prompt "not this"))
(define layer (vector-ref (gimp-image-get-layers image) 0))
(check-equal "a new image as the last one" (gimp-item-get-name layer) "the last one")
(check-equal "in its size" (gimp-image-get-width image) 32)
(check-equal "with its seed" (seed-of layer) 77)
(gimp-image-delete image)

; --- a new image as scripts ask for it ---
(define image (plug-in-gesso-generate-image #:prompt "a fox" #:model test-model #:steps 1 #:count 2 #:width 40 #:height 24))
(check-equal "a layer for each picture" (vector-length (gimp-image-get-layers image)) 2)
(check-equal "an image as large as asked for" (list (gimp-image-get-width image) (gimp-image-get-height image)) '(40 24))
(check "that can be undone from the start" (gimp-image-undo-is-enabled image))
(gimp-image-delete image)
(define image (plug-in-gesso-generate-image #:prompt "a fox" #:model test-model #:steps 1))
(check-equal "without a size the model's own" (list (gimp-image-get-width image) (gimp-image-get-height image)) '(64 64))
(gimp-image-delete image)
(check-fails "no image without a model" (lambda () (plug-in-gesso-generate-image #:prompt "a" #:model "nonesuch"))
             "nonesuch")
(check-equal "nothing is left" (vector-length (gimp-get-images)) 0)
