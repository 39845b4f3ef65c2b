; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; after: check-parameters.py @FOLDER@/latin.png "a fox ou un poulet frit à l'été" "Negative prompt: <b>rain</b>" "Steps: 2," "CFG scale: 5.5," "Seed: 11," "Size: 64x48," "Model: v2-tiny"
;; after: check-parameters.py @FOLDER@/unicode.png "a fox 狐 𝄞" "Seed: 12,"
;; after: check-parameters.py @FOLDER@/deleted.png "an owl"
;; after: check-parameters.py @FOLDER@/flat.png "a cat" "Size: 64x48,"
;; then: test-metadata-again.scm
;
; What layers remember of how they were painted, what PNG files say, and what is made of damaged memories.

(define (settings-of layer)
  (caddr (gimp-item-get-parasite layer "gesso-settings")))

; --- what is stored ---
(define image (test-image 100 80 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 20 10 41 33)
(define latin
  (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a fox ou un poulet frit à l'été"
                                            #:negative-prompt "<b>rain</b>" #:model test-model #:steps 2 #:guidance 5.5
                                            #:seed 11)
              0))
(gimp-selection-none image)
(define settings (settings-of latin))
(for-each (lambda (part) (check (string-append "stored: " part) (test-contains? settings part)))
          (list "\"format\":1" "\"prompt\":\"a fox ou un poulet frit à l'été\"" "\"negative-prompt\":\"<b>rain</b>\""
                "\"guidance\":5.5" "\"seed\":11" "\"steps\":2" "\"width\":41" "\"height\":33" "\"painted-width\":"
                "\"fingerprint\":\"" "\"device\":\"cpu\"" "\"precision\":\"" "\"engine\":\"0.1.0\""
                (string-append "\"model\":\"" test-model "\"")))
(check "persistently" (odd? (cadr (gimp-item-get-parasite latin "gesso-settings"))))
(define copy (gimp-layer-copy latin))
(check-equal "a copy of the layer remembers the same" (settings-of copy) settings)
(gimp-item-delete copy)
(gimp-file-save RUN-NONINTERACTIVE image (in-test-folder "latin.png"))

; --- painting again ---
(define again (vector-ref (plug-in-gesso-reuse-settings #:image image) 0))
(check "painted again it is the same" (test-same-pixels? latin again))
(check-equal "at the same place" (gimp-drawable-get-offsets again) '(20 10))
(check-equal "with the same settings" (settings-of again) settings)
(gimp-image-set-selected-layers image (vector latin))
(define anew (vector-ref (plug-in-gesso-reuse-settings #:run-mode RUN-WITH-LAST-VALS #:image image) 0))
(check "repeated it has a new seed" (not (test-same-pixels? latin anew)))
(gimp-image-set-selected-layers image (vector latin))
(gimp-layer-set-edit-mask latin #t)
(check-equal "an active mask stands for its layer" (vector-length (plug-in-gesso-reuse-settings #:image image)) 1)
(define (check-given what given layer active)
  (gimp-image-set-selected-layers image (vector active))
  (let ((new (vector-ref (plug-in-gesso-reuse-settings #:image image #:drawables (vector given)) 0)))
    (check-equal (string-append what " is the one meant") (settings-of new) (settings-of layer))
    (check-equal (string-append what " is the one painted above") (+ (gimp-image-get-item-position image new) 1)
                 (gimp-image-get-item-position image layer))))
(check-given "a layer given" anew anew latin)
(check-given "the layer of a mask given" (gimp-layer-get-mask latin) latin anew)
(gimp-file-save RUN-NONINTERACTIVE image (in-test-folder "kept.xcf"))
(gimp-image-delete image)

(define image (gimp-image-new 64 48 RGB))
(plug-in-gesso-generate-layer #:image image #:prompt "a fox" #:model test-model #:steps 1 #:seed 1)
(define layer
  (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "a fox 狐 𝄞" #:model test-model #:steps 1 #:seed 12)
              0))
(gimp-file-save RUN-NONINTERACTIVE image (in-test-folder "unicode.png"))

; --- somebody else's text for the PNG ---
(define other (gimp-image-new 16 16 RGB))
(gimp-image-attach-parasite other (list "png/tEXt" 1 "Comment"))
(define (paint-other)
  (plug-in-gesso-generate-layer #:image other #:prompt "a fox" #:model test-model #:steps 1 #:seed 1))
(define (chunk-of type) (caddr (gimp-image-get-parasite other type)))
(paint-other)
(check-equal "stays" (chunk-of "png/tEXt") "Comment")
(check "ours is in the other kind of chunk" (test-contains? (chunk-of "png/iTXt") "parameters"))
(gimp-image-attach-parasite other (list "png/iTXt" 1 "Title"))
(check-equal "where both are taken a layer is painted all the same" (vector-length (paint-other)) 1)
(check-equal "and both stay" (list (chunk-of "png/tEXt") (chunk-of "png/iTXt")) '("Comment" "Title"))
(gimp-image-delete other)

; --- the text for the PNG is that of the layer inserted last, also when that was deleted or merged ---
(define other (gimp-image-new 64 48 RGB))
(define (paint-other prompt)
  (vector-ref (plug-in-gesso-generate-layer #:image other #:prompt prompt #:model test-model #:steps 1) 0))
(paint-other "a hen")
(gimp-image-remove-layer other (paint-other "an owl"))
(gimp-file-save RUN-NONINTERACTIVE other (in-test-folder "deleted.png"))
(paint-other "a cat")
(gimp-image-flatten other)
(gimp-file-save RUN-NONINTERACTIVE other (in-test-folder "flat.png"))
(gimp-image-detach-parasite other "png/tEXt")
(check "it can be taken off" (not (member "png/tEXt" (gimp-image-get-parasite-list other))))
(gimp-image-delete other)

; --- what cannot be used ---
(define good (settings-of layer))
(define (reuse) (plug-in-gesso-reuse-settings #:image image #:drawables (vector layer)))
(define (check-refused what text . parts)
  (gimp-item-attach-parasite layer (list "gesso-settings" 1 text))
  (apply check-fails (append (list what reuse) parts)))
(check-refused "no JSON" "a fox" "damaged" "no valid JSON")
(check-refused "half of it" (substring good 0 60) "damaged")
(check-refused "a list" "[1, 2]" "damaged" "no JSON object")
(check-refused "another kind of value" (test-replace good "\"seed\":12" "\"seed\":\"12\"") "damaged" "“seed”")
(check-refused "a value out of range" (test-replace good "\"seed\":12" "\"seed\":-12") "damaged" "“seed”")
(check-refused "a fraction" (test-replace good "\"steps\":1" "\"steps\":1.5") "damaged" "“steps”")
(check-refused "too much guidance" (test-replace good "\"guidance\":7.5" "\"guidance\":1e9") "damaged" "“guidance”")
(check-refused "a missing value" (test-replace good "\"prompt\":" "\"prom\":") "damaged" "“prompt”")
(check-refused "an unknown device" (test-replace good "\"cpu\"" "\"abacus\"") "damaged" "“device”")
(check-refused "no format" (test-replace good "\"format\":1" "\"format\":0") "damaged" "“format”")
(check-refused "a later format" (test-replace good "\"format\":1" "\"format\":2") "format 2" "newer")
(check-refused "another model of that name" (test-replace good "\"fingerprint\":\"" "\"fingerprint\":\"0") "another model"
               "checksum")
(check-refused "a model that is gone" (test-replace good "v2-tiny" "v2-gone") "v2-gone")
(gimp-item-detach-parasite layer "gesso-settings")
(check-fails "no settings" reuse "no settings" "a fox")
(define empty (gimp-image-new 8 8 RGB))
(check-fails "no layer" (lambda () (plug-in-gesso-reuse-settings #:image empty)) "No layer is selected")
(check-equal "nothing was painted meanwhile" (vector-length (gimp-image-get-layers image)) 2)
(gimp-image-delete empty)
(gimp-image-delete image)
