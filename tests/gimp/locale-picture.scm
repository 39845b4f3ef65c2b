; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; Compares with the picture of the command line in C.UTF-8.

(define image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(define layer
  (vector-ref (plug-in-gesso-generate-layer #:image image #:prompt "INDIGO IŞIK, işık" #:model test-model #:width 64
                                            #:height 48 #:steps 3 #:seed 7 #:guidance 6.5)
              0))
(check "the picture of the command line" (test-same-as-file? layer (in-test-folder "cli.png")))
(check-equal "the name of the layer" (gimp-item-get-name layer) "INDIGO IŞIK, işık")
