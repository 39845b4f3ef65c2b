; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; test-plug-ins: yes
;
; What is seen at the place now, which the dialog shows to compare pictures with.

(define (paint-rectangle image layer colour x y width height)
  (gimp-context-set-foreground colour)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE x y width height)
  (gimp-drawable-edit-fill layer FILL-FOREGROUND)
  (gimp-selection-none image))

; Looks, and leaves `size` and `(at x y)`.
(define seen #f)
(define (look image longest)
  (if seen (gimp-image-delete seen))
  (set! seen (plug-in-test-look #:image image #:longest longest)))
(define (seen-size) (list (gimp-image-get-width seen) (gimp-image-get-height seen)))
(define (at x y)
  (let ((pixel (gimp-drawable-get-pixel (vector-ref (gimp-image-get-layers seen) 0) x y)))
    (list (car pixel) (cadr pixel) (caddr pixel))))

(define (first-layer image) (vector-ref (gimp-image-get-layers image) 0))
(define red '(255 0 0))
(define blue '(0 0 255))
(define white '(255 255 255))

; --- a whole image ---
(define image (test-image 100 80 RGB PRECISION-U8-NON-LINEAR))
(paint-rectangle image (first-layer image) red 0 0 50 80)
(look image 512)
(check-equal "a small image in its size" (seen-size) '(100 80))
(check-equal "its left half" (at 20 40) red)
(check-equal "its right half" (at 80 40) white)
(look image 50)
(check-equal "reduced to the side that is wanted" (seen-size) '(50 40))
(check-equal "the left half of that" (at 10 20) red)
(check-equal "and the right one" (at 40 20) white)

; --- a selection ---
(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 40 20 30 20)
(look image 512)
(check-equal "the bounds of a selection" (seen-size) '(30 20))
(check-equal "where its left is" (at 2 10) red)
(check-equal "where its right is" (at 27 10) white)
(gimp-image-delete image)

; --- what is transparent ---
(define image (gimp-image-new 40 40 RGB))
(define layer (gimp-layer-new image "Empty" 40 40 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image layer 0 -1)
(look image 512)
(check-equal "grey behind what is transparent" (at 20 20) '(128 128 128))
(gimp-image-delete image)

; --- a small place of a large image ---
(define image (test-image 12000 9000 RGB PRECISION-U8-NON-LINEAR))
(define background (first-layer image))
(paint-rectangle image background red 11000 8000 150 200)
(paint-rectangle image background blue 11150 8000 150 200)
(define above (gimp-layer-new image "Above" 20 20 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image above 0 0)
(gimp-layer-set-offsets above 11010 8010)
(gimp-drawable-fill above FILL-WHITE)
(define hidden (gimp-layer-new image "Hidden" 12000 9000 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image hidden 0 0)
(gimp-drawable-fill hidden FILL-WHITE)
(gimp-item-set-visible hidden #f)
(gimp-image-clean-all image)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 11000 8000 300 200)
(define images (vector-length (gimp-get-images)))
(look image 512)
(check-equal "in its own size" (seen-size) '(300 200))
(check-equal "at the right place" (list (at 75 100) (at 225 100)) (list red blue))
(check-equal "to its edges" (list (at 0 0) (at 299 199)) (list red blue))
(check-equal "with all that is visible" (at 20 20) white)
(check-equal "the image is as it was" (list (gimp-image-get-width image) (gimp-image-get-height image)) '(12000 9000))
(check-equal "with its layers" (vector-length (gimp-image-get-layers image)) 3)
(check-equal "and its selection" (gimp-selection-bounds image) '(#t 11000 8000 11300 8200))
(check-equal "no other image is left" (vector-length (gimp-get-images)) images)
(look image 150)
(check-equal "reduced" (seen-size) '(150 100))
(check-equal "likewise" (list (at 30 80) (at 120 80)) (list red blue))

; --- at the edges of it ---
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 1 9000)
(look image 100)
(check-equal "a stripe as high as the image" (seen-size) '(1 100))
(check-equal "white" (at 0 50) white)
(gimp-image-delete seen)
(gimp-image-delete image)
