; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; test-plug-ins: yes
;; allows: Plug-in crashed: "gesso"
;
; What a user does to the image while a layer is being painted for it.

(define image #f)
(define background #f)
(define active #f)

(define (meddle action)
  (set! image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
  (set! background (vector-ref (gimp-image-get-layers image) 0))
  (set! active (gimp-layer-new image "Active" 64 48 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
  (gimp-image-insert-layer image active 0 0)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 8 12 40 24)
  (gimp-image-attach-parasite image (list "test-meddle" 0 action))
  ; So many steps that it takes some time.
  (let ((outcome (error-of (lambda ()
                             (plug-in-gesso-generate-layer #:image image #:prompt "a fox" #:model test-model #:steps 999)))))
    (check (string-append action ": done while painting")
           (not (member "test-meddle" (gimp-image-get-parasite-list image))))
    outcome))

(define (n-layers) (vector-length (gimp-image-get-layers image)))
(define (new-layer) (vector-ref (gimp-image-get-selected-layers image) 0))
(define (position layer) (gimp-image-get-item-position image layer))

(define outcome (meddle "kill-plug-in"))
(check "the plug-in is killed: an error" outcome)
(check-equal "no layer is left" (gimp-image-get-layers image) (vector active background))
(check-equal "the selection stays" (gimp-selection-bounds image) '(#t 8 12 48 36))
(gimp-image-delete image)

(check-equal "the active layer is deleted: no matter" (meddle "delete-layer") #f)
(check-equal "the new one is there" (n-layers) 2)
(check-equal "on top" (position (new-layer)) 0)
(gimp-image-delete image)

(check-equal "another layer becomes active: no matter" (meddle "select-lowest") #f)
(check-equal "the new one is above the one that was active" (position (new-layer)) 0)
(check-equal "which stays in its place" (position active) 1)
(gimp-image-delete image)

(check-equal "the selection changes: no matter" (meddle "select-all") #f)
(check-equal "the layer is where the selection was" (gimp-drawable-get-offsets (new-layer)) '(8 12))
(check-equal "its mask is the selection of then" (car (gimp-drawable-get-pixel (gimp-layer-get-mask (new-layer)) 0 0)) 255)
(check-equal "as wide as that" (gimp-drawable-get-width (new-layer)) 40)
(gimp-image-delete image)

(check-equal "the image becomes grey: no matter" (meddle "convert") #f)
(check-equal "the new layer is grey" (gimp-drawable-is-gray (new-layer)) #t)
(gimp-image-delete image)

(check-equal "the image is cropped: no matter" (meddle "crop") #f)
(check-equal "the new layer is there" (n-layers) 3)
(gimp-image-delete image)
