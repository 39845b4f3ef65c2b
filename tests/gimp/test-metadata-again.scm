; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; after: check-parameters.py @FOLDER@/again.png "Steps: 2," "Model: v2-tiny"
;
; The second half of test-metadata.scm, in another GIMP: what it saved can be painted again.

(define image (gimp-file-load RUN-NONINTERACTIVE (in-test-folder "kept.xcf")))
(gimp-file-save RUN-NONINTERACTIVE image (in-test-folder "again.png"))
(define layers (gimp-image-get-layers image))
(define latin (vector-ref layers (- (vector-length layers) 2)))
(check-equal "the layer is there" (gimp-item-get-name latin) "a fox ou un poulet frit à l'été")
(gimp-image-set-selected-layers image (vector latin))
(define again (vector-ref (plug-in-gesso-reuse-settings #:image image) 0))
(check "painted again it is the same" (test-same-pixels? latin again))
(check-equal "it remembers the same"
             (caddr (gimp-item-get-parasite again "gesso-settings"))
             (caddr (gimp-item-get-parasite latin "gesso-settings")))
(gimp-image-delete image)
