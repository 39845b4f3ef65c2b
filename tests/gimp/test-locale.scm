; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
;; gesso: generate --model @MODEL@ --prompt "INDIGO IŞIK, işık" --seed 7 --steps 3 --guidance 6.5 --width 64 --height 48 --quiet --output @FOLDER@/cli.png
;; then: locale-german.scm
;; then: locale-turkish.scm
;
; The same sentence and numbers give the same picture in every language: with a comma in numbers, and where a capital I
; has another small letter. Also numbers that were stored.

(load (string-append test-source "/locale-picture.scm"))
(gimp-file-save RUN-NONINTERACTIVE image (in-test-folder "stored.xcf"))
