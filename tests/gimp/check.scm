; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; What every test in this folder may use; run-gimp.py loads it first.

(define (test-show value)
  (if (string? value)
      value
      (let ((port (open-output-string)))
        (write value port)
        (get-output-string port))))

; A case: passed unless `passed` is #f.
(define (check what passed)
  (display (if passed "ok - " "not ok - "))
  (display what)
  (newline))

(define (check-equal what is wanted)
  (check what (equal? is wanted))
  (if (not (equal? is wanted))
      (begin
        (display "# is ")
        (write is)
        (display ", should be ")
        (write wanted)
        (newline))))

; Numbers that may differ by `tolerance`.
(define (check-near what is wanted tolerance)
  (check what (and (number? is) (<= (abs (- is wanted)) tolerance)))
  (if (not (and (number? is) (<= (abs (- is wanted)) tolerance)))
      (begin
        (display "# is ")
        (write is)
        (display ", should be ")
        (write wanted)
        (newline))))

; Whether `part` is in `text`.
(define (test-contains? text part)
  (let ((last (- (string-length text) (string-length part))))
    (let loop ((at 0))
      (cond ((> at last) #f)
            ((string=? (substring text at (+ at (string-length part))) part) #t)
            (else (loop (+ at 1)))))))

; The message of the error that calling `thunk` ends with; #f when it ends well.
(define (error-of thunk)
  (let ((hook *error-hook*))
    (let ((message
           (call/cc
            (lambda (leave)
              (set! *error-hook* (lambda arguments (leave (if (pair? arguments) (test-show (car arguments)) "error"))))
              (thunk)
              #f))))
      (set! *error-hook* hook)
      message)))

; Calling `thunk` must fail, with a message that holds every one of `parts`.
(define (check-fails what thunk . parts)
  (let* ((message (error-of thunk))
         (missing (if message
                      (let loop ((left parts))
                        (cond ((null? left) #f)
                              ((test-contains? message (car left)) (loop (cdr left)))
                              (else (car left))))
                      "an error")))
    (check what (not missing))
    (if missing
        (begin
          (display "# no ")
          (write missing)
          (display " in: ")
          (write message)
          (newline)))))

(define (in-test-folder name)
  (string-append test-folder "/" name))

; An image with one opaque layer of one colour. Returns the image.
(define (test-image width height type precision)
  (let* ((image (gimp-image-new-with-precision width height type precision))
         (layer (gimp-layer-new image "Background" width height
                                (cond ((= type RGB) RGB-IMAGE) ((= type GRAY) GRAY-IMAGE) (else INDEXED-IMAGE))
                                100 LAYER-MODE-NORMAL)))
    (gimp-image-insert-layer image layer 0 -1)
    (gimp-drawable-fill layer FILL-WHITE)
    image))

; The greatest difference in any value of two layers' pixels, 0..255, measured in an image that is thrown away.
(define (test-difference one two)
  (let* ((width (gimp-drawable-get-width one))
         (height (gimp-drawable-get-height one))
         (image (gimp-image-new width height RGB))
         (below (gimp-layer-new-from-drawable one image))
         (above (gimp-layer-new-from-drawable two image)))
    (gimp-image-insert-layer image below 0 -1)
    (gimp-image-insert-layer image above 0 0)
    (gimp-layer-set-offsets below 0 0)
    (gimp-layer-set-offsets above 0 0)
    (gimp-layer-set-mode above LAYER-MODE-DIFFERENCE-LEGACY)
    (let* ((merged (gimp-image-flatten image))
           (greatest
            (let loop ((level 255))
              (cond ((= level 0) 0)
                    ((> (list-ref (gimp-drawable-histogram merged HISTOGRAM-VALUE (/ (- level 0.5) 255) 1) 4) 0) level)
                    (else (loop (- level 1)))))))
      (gimp-image-delete image)
      greatest)))

; Same size and same values, alpha left out.
(define (test-same-pixels? one two)
  (and (= (gimp-drawable-get-width one) (gimp-drawable-get-width two))
       (= (gimp-drawable-get-height one) (gimp-drawable-get-height two))
       (= (test-difference one two) 0)))

(define (test-same-as-file? layer file)
  (let* ((image (gimp-file-load RUN-NONINTERACTIVE file))
         (same (test-same-pixels? layer (vector-ref (gimp-image-get-layers image) 0))))
    (gimp-image-delete image)
    same))

; The whole number that follows `mark` in `text`.
(define (test-number-after text mark)
  (let loop ((at 0))
    (if (string=? (substring text at (+ at (string-length mark))) mark)
        (let digits ((from (+ at (string-length mark))) (to (+ at (string-length mark))))
          (if (and (< to (string-length text)) (char-numeric? (string-ref text to)))
              (digits from (+ to 1))
              (string->number (substring text from to))))
        (loop (+ at 1)))))

; `text` with the first `part` become `other`.
(define (test-replace text part other)
  (let loop ((at 0))
    (if (string=? (substring text at (+ at (string-length part))) part)
        (string-append (substring text 0 at) other
                       (substring text (+ at (string-length part)) (string-length text)))
        (loop (+ at 1)))))
