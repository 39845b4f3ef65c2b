; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; Many pictures in one call.

(define (one-layer seed prompt)
  (let* ((image (gimp-image-new 16 16 RGB))
         (layers (plug-in-gesso-generate-layer #:image image #:prompt prompt #:model test-model #:width 32 #:height 24
                                               #:steps 2 #:seed seed)))
    (vector-ref layers 0)))

; --- an image each ---
(define made (plug-in-gesso-generate-batch #:prompts '("a fox" "a hen" "a fox") #:seeds #(5 6 7) #:model test-model
                                           #:width 32 #:height 24 #:steps 2))
(define images (car made))
(define layers (cadr made))
(check-equal "three images" (vector-length images) 3)
(check-equal "three layers" (vector-length layers) 3)
(check-equal "no errors" (caddr made) '())
(check-equal "in the order of the prompts" (gimp-item-get-name (vector-ref layers 1)) "a hen")
(check-equal "a layer is in its image" (gimp-item-get-image (vector-ref layers 2)) (vector-ref images 2))
(check-equal "an image has the size asked for" (gimp-image-get-width (vector-ref images 0)) 32)
(check "the same as one by one" (test-same-pixels? (vector-ref layers 1) (one-layer 6 "a hen")))
(for-each gimp-image-delete (vector->list images))

; --- layers of one image ---
(define image (test-image 48 48 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 8 8 32 24)
(define made (plug-in-gesso-generate-batch #:image image #:prompts '("a fox" "a hen") #:model test-model #:steps 1))
(define layers (cadr made))
(check-equal "no new images" (vector-length (car made)) 0)
(check-equal "two layers in the image" (gimp-image-get-layers image)
             (vector (vector-ref layers 1) (vector-ref layers 0) (vector-ref (gimp-image-get-layers image) 2)))
(check-equal "at the selection" (gimp-drawable-get-offsets (vector-ref layers 0)) '(8 8))
(check "with a mask" (> (gimp-layer-get-mask (vector-ref layers 1)) 0))

; --- one of them fails ---
(define made (plug-in-gesso-generate-batch #:image image #:prompts '("a fox" "a hen" "an owl") #:seeds #(5 -5 6)
                                           #:model test-model #:steps 1))
(define errors (caddr made))
(check-equal "the others are there" (vector-length (cadr made)) 2)
(check-equal "an error for each prompt" (length errors) 3)
(check-equal "none for the first" (car errors) "")
(check "the second says why" (test-contains? (cadr errors) "-5"))
(check-equal "none for the third" (caddr errors) "")
(check-equal "the third is the second layer" (gimp-item-get-name (vector-ref (cadr made) 1)) "an owl")

; --- nothing could be made ---
(define (n-layers) (vector-length (gimp-image-get-layers image)))
(define before (n-layers))
(check-fails "all fail"
             (lambda () (plug-in-gesso-generate-batch #:image image #:prompts '("a" "b") #:seeds #(-5 -6)
                                                      #:model test-model))
             "plug-in-gesso-generate-batch" "-5")
(check-fails "no prompts"
             (lambda () (plug-in-gesso-generate-batch #:image image #:prompts '() #:model test-model))
             "no prompts")
(check-fails "fewer seeds than prompts"
             (lambda () (plug-in-gesso-generate-batch #:image image #:prompts '("a" "b") #:seeds #(1) #:model test-model))
             "seeds, 1," "prompts, 2.")
(check-fails "no such model"
             (lambda () (plug-in-gesso-generate-batch #:image image #:prompts '("a") #:model "nonesuch"))
             "nonesuch")
(check-equal "the image is as before" (n-layers) before)
(gimp-image-delete image)

; --- random seeds ---
(define made (plug-in-gesso-generate-batch #:prompts '("a" "a") #:model test-model #:steps 1 #:width 16 #:height 16))
(check "without seeds each is another" (not (test-same-pixels? (vector-ref (cadr made) 0) (vector-ref (cadr made) 1))))
(for-each gimp-image-delete (vector->list (car made)))
