; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; What tools/demo does in GIMP; demo.py defines demo-picture, demo-xcf, demo-png, demo-prompt and demo-model.

(script-fu-use-v3)

(let* ((image (gimp-file-load RUN-NONINTERACTIVE demo-picture))
       (width (gimp-image-get-width image))
       (height (gimp-image-get-height image))
       (side (* 0.75 height)))
  (gimp-context-set-feather TRUE)
  (gimp-context-set-feather-radius (/ side 8) (/ side 8))
  (gimp-image-select-ellipse image CHANNEL-OP-REPLACE (/ (- width side) 2) (/ (- height side) 2) side side)
  (plug-in-gesso-generate-layer #:image image #:prompt demo-prompt #:model demo-model #:seed 7)
  (gimp-selection-none image)
  (gimp-file-save RUN-NONINTERACTIVE image demo-xcf)
  (gimp-file-save RUN-NONINTERACTIVE image demo-png)
  (gimp-image-delete image))
