; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; environment: GESSO_MODELS_PATH=@MODELS@
;
; Wrong values, wrong models and odd states of the image: a clear message and nothing half made, or simply a layer.

(define image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(define background (vector-ref (gimp-image-get-layers image) 0))
(define (n-layers) (vector-length (gimp-image-get-layers image)))
(define (paint) (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a" #:model test-model #:steps 1) 0))

; --- arguments ---
(check-fails "an unknown device"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:device "abacus"))
             "“device”" "abacus" "auto, cpu and cuda")
(check-fails "an unknown precision"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:precision "f64"))
             "“precision”" "f64")
(check-fails "an unknown scheduler"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:scheduler "euler")) "euler" "pndm")
(check-fails "too many steps for the model's schedule"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:steps 1000)) "1000" "out of range")
(check-fails "a seed below -1"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:seed -2)) "-2" "out of range")
(check-fails "a seed that leaves no room for the next"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:seed 2147483647 #:count 2))
             "2147483647" "2 pictures")
(check-fails "no picture"
             (lambda () (plug-in-gesso-generate-layer #:image image #:model test-model #:count 0)) "out of range")
(check-fails "a dialog without a display"
             (lambda () (plug-in-gesso-generate-layer #:run-mode RUN-INTERACTIVE #:image image #:model test-model))
             "display")

; --- models ---
(define (paint-with model) (plug-in-gesso-generate-layer #:image image #:prompt "a" #:model model #:steps 1))
(check-fails "a model that is not installed" (lambda () (paint-with "nonesuch")) "nonesuch" "v2-tiny")
(check-fails "a folder that is not there" (lambda () (paint-with (in-test-folder "nowhere"))) "nowhere")
(check-fails "a folder that is no model" (lambda () (paint-with test-source)) "model_index.json")
(let ((file (open-output-file (in-test-folder "model_index.json"))))
  (display "{ \"half" file)
  (close-output-port file))
(check-fails "a damaged model" (lambda () (paint-with test-folder)) "model_index.json")
(check-equal "an installed model has a name" (vector-length (paint-with "v2-tiny")) 1)
(gimp-image-remove-layer image (vector-ref (gimp-image-get-layers image) 0))

; --- nothing of all that is left ---
(check-equal "the image is as before" (gimp-image-get-layers image) (vector background))

; --- prompts ---
(define (paint-prompt prompt)
  (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt prompt #:model test-model #:steps 1 #:width 8
                                            #:height 8)
              0))
(define long (let loop ((text "a fox, ") (n 14)) (if (= n 0) text (loop (string-append text text) (- n 1)))))
(check "a prompt of 100 kB" (> (string-length long) 100000))
(define layer (paint-prompt long))
(check-equal "has a short name" (string-length (gimp-item-get-name layer)) 61)
(check "and is remembered whole" (test-contains? (caddr (gimp-item-get-parasite layer "gesso-settings"))
                                                 (substring long 0 200)))
(check-equal "and can be used again" (vector-length (plug-in-gesso-reuse-settings #:image image)) 1)
(check-equal "an empty prompt is one as well" (gimp-item-get-name (paint-prompt "")) "Generated")

; --- odd states of the image ---
(gimp-image-delete image)
(set! image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(set! background (vector-ref (gimp-image-get-layers image) 0))
(gimp-item-set-lock-content background #t)
(gimp-item-set-lock-position background #t)
(check-equal "above a locked layer" (gimp-image-get-item-position image (paint)) 0)
(define group (gimp-group-layer-new image "group"))
(gimp-image-insert-layer image group 0 0)
(gimp-item-set-lock-content group #t)
(gimp-image-set-selected-layers image (vector group))
(define layer (paint))
(check-equal "into a locked group" (gimp-item-get-parent layer) group)
(check "with its pixels" (> (car (gimp-drawable-histogram layer HISTOGRAM-ALPHA 0 1)) 0))
(gimp-image-remove-layer image group)
(define mask (gimp-layer-create-mask background ADD-MASK-WHITE))
(gimp-item-set-lock-content background #f)
(gimp-layer-add-mask background mask)
(gimp-image-set-selected-layers image (vector background))
(check-equal "above a layer whose mask is active" (gimp-image-get-item-position image (paint)) 1)
(define channel (gimp-channel-new image "Channel" 64 48 50 '(255 0 0)))
(gimp-image-insert-channel image channel 0 0)
(gimp-image-set-selected-channels image (vector channel))
(check-equal "with an active channel on top" (gimp-image-get-item-position image (paint)) 0)
(gimp-image-set-selected-layers image (vector background))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 8 8 16 16)
(gimp-edit-named-copy (vector background) "piece")
(gimp-edit-named-paste background "piece" #f)
(gimp-buffer-delete "piece")
(define before (n-layers))
(check-fails "a floating selection" paint "floating selection" "Anchor")
(check-equal "which stays" (n-layers) before)
(gimp-floating-sel-anchor (gimp-image-get-floating-sel image))
(gimp-image-delete image)

; --- a selection of a pixel, and a very wide one ---
(set! image (test-image 300 100 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 299 99 1 1)
(define layer (paint))
(check-equal "the selection of a pixel" (gimp-drawable-get-offsets layer) '(299 99))
(check-equal "as small as that" (gimp-drawable-get-width layer) 1)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 50 300 2)
(define layer (paint))
(check-equal "a stripe" (gimp-drawable-get-width layer) 300)
(check-equal "as low as that" (gimp-drawable-get-height layer) 2)
(gimp-image-delete image)
