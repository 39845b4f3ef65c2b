; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; test-plug-ins: yes
;; status: -9
;; says: painting begins
;; allows: wire_read|fatal error: GIMP crashed
;
; GIMP is killed while a layer is being painted: the plug-in ends as well, and in order.

(define image (test-image 64 48 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-attach-parasite image (list "test-meddle" 0 "kill-gimp"))
(display "painting begins")
(newline)
(plug-in-gesso-generate-layer #:image image #:prompt "a fox" #:model test-model #:steps 999 #:count 10)
(check "GIMP is killed" #f)
