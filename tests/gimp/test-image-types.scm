; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; gesso: generate --model @MODEL@ --prompt "a red circle" --seed 7 --steps 3 --width 64 --height 48 --quiet --output @FOLDER@/cli.png
;
; The same picture in images of every kind: what GIMP itself makes of the file for such an image.

(define (paint image)
  (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a red circle" #:model test-model #:width 64
                                            #:height 48 #:steps 3 #:seed 7)
              0))

; The file as an image, brought to a kind by GIMP.
(define (expected convert)
  (let ((image (gimp-file-load RUN-NONINTERACTIVE (in-test-folder "cli.png"))))
    (convert image)
    image))

(define (first-layer image)
  (vector-ref (gimp-image-get-layers image) 0))

(define (check-kind what image convert tolerance)
  (let* ((layer (paint image))
         (wanted (expected convert))
         (difference (test-difference layer (first-layer wanted))))
    (check-equal (string-append what ": precision stays") (gimp-image-get-precision image)
                 (gimp-image-get-precision wanted))
    (check (string-append what ": type stays") (= (gimp-image-get-base-type image) (gimp-image-get-base-type wanted)))
    (check (string-append what ": the picture is there, difference " (number->string difference))
           (<= difference tolerance))
    (gimp-image-delete image)
    (gimp-image-delete wanted)))

(define (same image) #t)
(define (grey image) (gimp-image-convert-grayscale image))
(define (deep precision)
  (lambda (image) (gimp-image-convert-precision image precision)))

(check-kind "8 bits" (test-image 64 48 RGB PRECISION-U8-NON-LINEAR) same 0)
(check-kind "8 bits, linear" (test-image 64 48 RGB PRECISION-U8-LINEAR) (deep PRECISION-U8-LINEAR) 1)
(check-kind "16 bits" (test-image 64 48 RGB PRECISION-U16-NON-LINEAR) (deep PRECISION-U16-NON-LINEAR) 1)
(check-kind "16 bits, linear" (test-image 64 48 RGB PRECISION-U16-LINEAR) (deep PRECISION-U16-LINEAR) 1)
(check-kind "half" (test-image 64 48 RGB PRECISION-HALF-LINEAR) (deep PRECISION-HALF-LINEAR) 1)
(check-kind "float" (test-image 64 48 RGB PRECISION-FLOAT-NON-LINEAR) (deep PRECISION-FLOAT-NON-LINEAR) 1)
(check-kind "float, linear" (test-image 64 48 RGB PRECISION-FLOAT-LINEAR) (deep PRECISION-FLOAT-LINEAR) 1)
(check-kind "double, perceptual" (test-image 64 48 RGB PRECISION-DOUBLE-PERCEPTUAL) (deep PRECISION-DOUBLE-PERCEPTUAL) 1)
(check-kind "grey" (test-image 64 48 GRAY PRECISION-U8-NON-LINEAR) grey 1)
(check-kind "grey, float" (test-image 64 48 GRAY PRECISION-FLOAT-LINEAR)
            (lambda (image) (grey image) (gimp-image-convert-precision image PRECISION-FLOAT-LINEAR)) 1)

; --- an image with a selection, deep ---
(define image (test-image 64 48 RGB PRECISION-FLOAT-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 8 8 16 16)
(gimp-selection-feather image 4)
(define (selection-values)
  (let loop ((x 0) (y 0) (values '()))
    (cond ((> y 40) values)
          ((> x 40) (loop 0 (+ y 2) values))
          (else (loop (+ x 2) y (cons (gimp-selection-value image x y) values))))))
(define selected (selection-values))
(define layer (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a" #:model test-model #:steps 1) 0))
(gimp-image-select-item image CHANNEL-OP-REPLACE (gimp-layer-get-mask layer))
(check-equal "float: a soft selection is the mask" (selection-values) selected)
(gimp-image-delete image)

; --- indexed: the nearest of the image's own colours ---
(define image (gimp-file-load RUN-NONINTERACTIVE (in-test-folder "cli.png")))
(gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 8 FALSE FALSE "")
(define colours (gimp-palette-get-color-count (gimp-image-get-palette image)))
(define original (first-layer image))
(define layer (paint image))
(check "indexed: the image stays indexed" (= (gimp-image-get-base-type image) INDEXED))
(check-equal "indexed: it keeps its palette" (gimp-palette-get-color-count (gimp-image-get-palette image)) colours)
(for-each (lambda (channel)
            (check-near "indexed: in the nearest of its colours" (car (gimp-drawable-histogram layer channel 0 1))
                        (car (gimp-drawable-histogram original channel 0 1)) 2))
          (list HISTOGRAM-RED HISTOGRAM-GREEN HISTOGRAM-BLUE))
(gimp-image-delete image)

; --- another colour profile ---
(define profile (string-append test-source "/data/wide.icc"))
(define image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-set-color-profile-from-file image profile)
(define layer (paint image))
(define wanted (expected (lambda (image)
                           (gimp-image-convert-color-profile-from-file image profile
                                                                       COLOR-RENDERING-INTENT-RELATIVE-COLORIMETRIC
                                                                       FALSE))))
; Standard deviation of the values as they are stored, to which the profile gives the meaning.
(define (spread layer channel)
  (cadr (gimp-drawable-histogram layer channel 0 1)))
(define plain (gimp-file-load RUN-NONINTERACTIVE (in-test-folder "cli.png")))
; babl takes the conversion that is quickest when it measures: on a busy machine not always the same one.
(check-near "another profile: as GIMP converts to it" (test-difference layer (first-layer wanted)) 0 3)
(check-near "also in the values stored" (spread layer HISTOGRAM-RED) (spread (first-layer wanted) HISTOGRAM-RED) 0.5)
(check "which are not those of the file" (> (- (spread (first-layer plain) HISTOGRAM-RED) (spread layer HISTOGRAM-RED)) 8))
(gimp-image-delete plain)
(gimp-image-delete wanted)
(gimp-image-delete image)
