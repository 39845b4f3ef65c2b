; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; gesso: generate --model @MODEL@ --prompt "a red circle" --seed 7 --steps 3 --width 64 --height 48 --images 2 --quiet --output @FOLDER@/cli.png
;
; Layers from a sentence, as a script asks for them.

; What painting the same twice takes. No seed: a random one.
(define (paint image)
  (plug-in-gesso-generate-layer #:image image #:prompt "a red circle" #:model test-model #:width 64 #:height 48
                                #:steps 3 #:seed 7))

(define (n-layers image)
  (vector-length (gimp-image-get-layers image)))

(define (position image layer)
  (gimp-image-get-item-position image layer))

; --- one layer over an image ---
(define image (test-image 100 80 RGB PRECISION-U8-NON-LINEAR))
(define background (vector-ref (gimp-image-get-layers image) 0))
(define layers (paint image))
(define layer (vector-ref layers 0))
(check-equal "one layer is returned" (vector-length layers) 1)
(check-equal "it is in the image" (n-layers image) 2)
(check-equal "it is named after the prompt" (gimp-item-get-name layer) "a red circle")
(check-equal "it is above the active layer" (position image layer) 0)
(check-equal "it is active then" (gimp-image-get-selected-layers image) (vector layer))
(check-equal "its width is the one asked for" (gimp-drawable-get-width layer) 64)
(check-equal "its height is the one asked for" (gimp-drawable-get-height layer) 48)
(check-equal "it lies in the middle" (gimp-drawable-get-offsets layer) '(18 16))
(check-equal "it has an alpha channel" (gimp-drawable-has-alpha layer) #t)
(check-equal "without a selection it has no mask" (gimp-layer-get-mask layer) -1)
(check "its pixels are those of the command line" (test-same-as-file? layer (in-test-folder "cli-1.png")))
(gimp-image-delete image)

; --- several, in a group ---
(define image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(define group (gimp-group-layer-new image "Group"))
(gimp-image-insert-layer image group 0 0)
(define inside (gimp-layer-new image "Inside" 64 48 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image inside group 0)
(define layers (plug-in-gesso-generate-layer #:image image #:prompt "a red circle" #:model test-model #:steps 3
                                             #:width 64 #:height 48 #:seed 7 #:count 2))
(check-equal "two layers are returned" (vector-length layers) 2)
(check-equal "the first is in the group of the active layer" (gimp-item-get-parent (vector-ref layers 0)) group)
(check-equal "the second as well" (gimp-item-get-parent (vector-ref layers 1)) group)
(check-equal "both above the active layer" (position image inside) 2)
(check-equal "the later one on top" (position image (vector-ref layers 1)) 0)
(check "the first has the seed asked for" (test-same-as-file? (vector-ref layers 0) (in-test-folder "cli-1.png")))
(check "the second has the next seed" (test-same-as-file? (vector-ref layers 1) (in-test-folder "cli-2.png")))
(gimp-image-set-selected-layers image (vector group))
(define layers (paint image))
(check-equal "an active group takes the layer in" (gimp-item-get-parent (vector-ref layers 0)) group)
(check-equal "on top" (position image (vector-ref layers 0)) 0)

; --- above what is given, whatever is active ---
(define background (vector-ref (gimp-image-get-layers image) 1))
(define mask (gimp-layer-create-mask inside ADD-MASK-WHITE))
(gimp-layer-add-mask inside mask)
(define (paint-at given active)
  (gimp-image-set-selected-layers image (vector active))
  (vector-ref (plug-in-gesso-generate-layer #:image image #:drawables (vector given) #:prompt "a" #:model test-model
                                            #:steps 1 #:width 8 #:height 8) 0))
(define (place layer)
  (list (gimp-item-get-parent layer) (position image layer)))
(check-equal "above a layer given" (place (paint-at background group)) (list -1 1))
(define before (position image inside))
(check-equal "above the layer of a mask given" (place (paint-at mask background)) (list group before))
(check-equal "in a group given" (place (paint-at group background)) (list group 0))
(define channel (gimp-channel-new image "Channel" 64 48 50 '(255 0 0)))
(gimp-image-insert-channel image channel 0 -1)
(check-equal "a channel has no place: above the active layer" (place (paint-at channel background)) (list -1 2))
(gimp-image-delete image)

; --- with a selection ---
(define image (test-image 100 80 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 20 10 41 33)
; Every second pixel of a region that is a little larger.
(define (selection-values)
  (let loop ((x 18) (y 8) (values '()))
    (cond ((> y 45) values)
          ((> x 63) (loop 18 (+ y 2) values))
          (else (loop (+ x 2) y (cons (gimp-selection-value image x y) values))))))
(define selected (selection-values))
(define layer (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a fox" #:model test-model #:steps 1) 0))
(define mask (gimp-layer-get-mask layer))
(check-equal "the selection's bounds are the layer's place" (gimp-drawable-get-offsets layer) '(20 10))
(check-equal "its width" (gimp-drawable-get-width layer) 41)
(check-equal "its height" (gimp-drawable-get-height layer) 33)
(check "there is a mask" (> mask 0))
(check-equal "the layer is edited, not the mask" (gimp-layer-get-edit-mask layer) #f)
(check-equal "the mask applies" (gimp-layer-get-apply-mask layer) #t)
(check-equal "outside of it nothing shows" (car (gimp-drawable-get-pixel mask 0 0)) 0)
(check-equal "in its middle all does" (car (gimp-drawable-get-pixel mask 20 16)) 255)
(check-equal "the selection stays" (gimp-selection-bounds image) '(#t 20 10 61 43))
(define layer (vector-ref (paint image) 0))
(check-equal "a larger layer reaches out of the selection" (gimp-drawable-get-offsets layer) '(9 3))
(check-equal "where its mask is empty" (car (gimp-drawable-get-pixel (gimp-layer-get-mask layer) 2 24)) 0)
(check-equal "and full inside" (car (gimp-drawable-get-pixel (gimp-layer-get-mask layer) 31 23)) 255)
(gimp-image-select-item image CHANNEL-OP-REPLACE mask)
(check-equal "the mask is the selection, soft edges included" (selection-values) selected)
(gimp-image-delete image)

; --- sizes ---
(define image (gimp-image-new 33 27 RGB))
(define layer (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a fox" #:model test-model #:steps 1) 0))
(check-equal "an image without layers gets one" (n-layers image) 1)
(check-equal "as wide as the image" (gimp-drawable-get-width layer) 33)
(check-equal "as high" (gimp-drawable-get-height layer) 27)
(define layer (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a fox" #:model test-model #:steps 1
                                                        #:width 61 #:height 45) 0))
(check-equal "a width that no model can do is scaled to" (gimp-drawable-get-width layer) 61)
(check-equal "a height likewise" (gimp-drawable-get-height layer) 45)
(check-equal "opaque to its corner" (cadddr (gimp-drawable-get-pixel layer 60 44)) 255)
(gimp-image-delete image)

; Along the longer side, both ends included.
(define (opaque? layer)
  (let ((width (gimp-drawable-get-width layer)) (height (gimp-drawable-get-height layer)))
    (let loop ((i 0))
      (or (> i 8)
          (and (= 255 (cadddr (gimp-drawable-get-pixel layer (quotient (* i (- width 1)) 8)
                                                       (quotient (* i (- height 1)) 8))))
               (loop (+ i 1)))))))
(define (check-opaque what image width height . more)
  (let ((layer (vector-ref (apply plug-in-gesso-generate-layer #:image image #:prompt "a" #:model test-model #:steps 1
                                  more) 0)))
    (check-equal (string-append what ": its size")
                 (list (gimp-drawable-get-width layer) (gimp-drawable-get-height layer)) (list width height))
    (check (string-append what ": opaque") (opaque? layer))))
(for-each (lambda (size)
            (let ((image (gimp-image-new (car size) (cadr size) RGB)))
              (check-opaque (test-show size) image (car size) (cadr size))
              (gimp-image-delete image)))
          '((9001 3) (3 20000) (120000 8)))
(define image (gimp-image-new 40 9600 RGB))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 50 40 9500)
(check-opaque "a long selection" image 40 9500)
(check-opaque "a long side asked for" image 9 9501 #:width 9 #:height 9501)
(check "a long layer of a batch"
       (opaque? (vector-ref (cadr (plug-in-gesso-generate-batch #:image image #:prompts '("a") #:model test-model
                                                                #:steps 1)) 0)))
(gimp-image-delete image)

; Only settings from elsewhere can ask for this.
(define image (gimp-image-new 8 8 RGB))
(define layer (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a" #:model test-model #:steps 1
                                                        #:width 8 #:height 8) 0))
(gimp-item-attach-parasite layer (list "gesso-settings" 1
                                       (test-replace (caddr (gimp-item-get-parasite layer "gesso-settings"))
                                                     "\"width\":8" "\"width\":72001")))
(check-fails "wider than GEGL scales" (lambda () (plug-in-gesso-reuse-settings #:image image))
             "8 x 8 pixels" "9000 times" "72001 x 8")
(check-equal "and nothing is left of it" (n-layers image) 1)
(gimp-image-delete image)
(define image (plug-in-gesso-generate-image #:prompt "a fox" #:model test-model #:steps 1 #:width 70))
(check-equal "one side alone is heeded" (gimp-image-get-width image) 70)
(check-equal "the other is the model's own" (gimp-image-get-height image) 64)
(gimp-image-delete image)

; --- names ---
(define image (gimp-image-new 64 64 RGB))
(define (name-of prompt)
  (gimp-item-get-name (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt prompt #:model test-model
                                                                #:width 8 #:height 8 #:steps 1) 0)))
(check-equal "a name is one line" (name-of "  a\n\tfox \n") "a fox")
(check-equal "markup is text" (name-of "<b>fox</b> & \"co\"") "<b>fox</b> & \"co\"")
(check-equal "no prompt" (name-of "") "Generated")
(check-equal "control characters go" (name-of (string-append "a" (string (integer->char 7)) "b")) "a b")
(define name (name-of (make-string 200 #\x)))
(check-equal "a long prompt is cut" (string-length name) 61)
(check-equal "which shows" (substring name 58 61) "xx…")
(gimp-image-delete image)

; --- a random seed, stored ---
(define (seed-of layer)
  (test-number-after (caddr (gimp-item-get-parasite layer "gesso-settings")) "\"seed\":"))
(define image (gimp-image-new 16 16 RGB))
(define (paint-with seed)
  (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a" #:model test-model #:steps 1 #:seed seed) 0))
(define one (paint-with -1))
(define two (paint-with -1))
(check "random seeds differ" (not (= (seed-of one) (seed-of two))))
(define again (paint-with (seed-of one)))
(check "the seed that is stored is the one that was used" (test-same-pixels? one again))
(check "another seed paints something else" (not (test-same-pixels? one two)))
(gimp-image-delete image)
