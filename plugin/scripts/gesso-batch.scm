; SPDX-FileCopyrightText: The Gesso authors
; SPDX-License-Identifier: Apache-2.0
;
; Paints every line of a text file: a PNG and an XCF each.
;
;   gimp-console-3.0 -i --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(load "gesso-batch.scm") (gesso-batch "prompts.txt" "pictures" "" 25 1)'
;
; The arguments: the file with a prompt in each line, in UTF-8 (empty lines and those that begin with # are left out), the
; folder to write to, the model ("" is the one that comes with Gesso), the steps, and the seed of the first line; the second line
; has the next seed, and so on; -1 is a random one for each. Line 12, "A red fox!", becomes 0012-a-red-fox.png and .xcf.
;
; A line that has both files already is not painted again, so a run that was interrupted goes on where it was. The exit
; status of GIMP is 0 when every line has its picture, else 70.

(script-fu-use-v3)

; How many pictures a call makes: the model is opened once a call, and what a call has made is lost when it is killed.
(define gesso-batch-size 8)

(define (gesso-batch-no-text file)
  (error "The file with the prompts is not UTF-8 text; save it as UTF-8:" file))

(define (gesso-batch-bytes c)
  (let ((code (char->integer c)))
    (cond ((< code #x80) 1) ((< code #x800) 2) ((< code #x10000) 3) (else 4))))

(define (gesso-batch-lines file)
  (let ((port (open-input-file file)))
    (if (not port)
        (error "The file with the prompts cannot be read:" file))
    (let loop ((line '()) (lines '()) (bytes 0))
      (let ((c (read-char port)))
        (define (end-line) (cons (list->string (reverse line)) lines))
        (define (skip) (loop line lines (+ bytes (gesso-batch-bytes c))))
        (cond ((eof-object? c)
               (close-input-port port)
               ; Bytes that are no UTF-8 are not read.
               (if (< bytes (file-size file))
                   (gesso-batch-no-text file))
               (reverse (if (null? line) lines (end-line))))
              ((= (char->integer c) 0) (gesso-batch-no-text file))
              ((and (= bytes 0) (= (char->integer c) #xFEFF)) (skip)) ; a byte order mark
              ((and (char=? c #\return) (eqv? (peek-char port) #\newline)) (skip))
              ((or (char=? c #\newline) (char=? c #\return)) (loop '() (end-line) (+ bytes 1)))
              (else (loop (cons c line) lines (+ bytes (gesso-batch-bytes c)))))))))

(define (gesso-batch-prompt? line)
  (let loop ((chars (string->list line)))
    (cond ((null? chars) #f)
          ((char-whitespace? (car chars)) (loop (cdr chars)))
          (else (not (char=? (car chars) #\#))))))

; "A red fox!" -> "a-red-fox"
(define (gesso-batch-slug prompt)
  (let loop ((chars (string->list prompt)) (slug '()))
    (let ((gap? (or (null? slug) (char=? (car slug) #\-))))
      (cond ((or (null? chars) (>= (length slug) 40))
             (list->string (reverse (if (and (pair? slug) gap?) (cdr slug) slug))))
            ((let ((c (char-downcase (car chars))))
               (or (and (char>=? c #\a) (char<=? c #\z)) (and (char>=? c #\0) (char<=? c #\9))))
             (loop (cdr chars) (cons (char-downcase (car chars)) slug)))
            (else (loop (cdr chars) (if gap? slug (cons #\- slug))))))))

(define (gesso-batch-number n)
  (let ((digits (number->string n)))
    (string-append (make-string (max 0 (- 4 (string-length digits))) #\0) digits)))

; The lines to paint: (path without extension, prompt, seed).
(define (gesso-batch-jobs file folder seed)
  (let loop ((lines (gesso-batch-lines file)) (n 1) (jobs '()))
    (if (null? lines)
        (reverse jobs)
        (let* ((slug (gesso-batch-slug (car lines)))
               (path (string-append folder "/" (gesso-batch-number n) (if (string=? slug "") "" "-") slug)))
          (loop (cdr lines)
                (+ n 1)
                ; The XCF comes last, and whole or not at all.
                (if (and (gesso-batch-prompt? (car lines))
                         (not (and (file-exists? (string-append path ".png"))
                                   (file-exists? (string-append path ".xcf")))))
                    (cons (list path (car lines) (if (< seed 0) -1 (modulo (+ seed n -1) 2147483648))) jobs)
                    jobs))))))

(define (gesso-batch-save image path)
  (gimp-file-save RUN-NONINTERACTIVE image (string-append path ".png"))
  (gimp-file-save RUN-NONINTERACTIVE image (string-append path ".xcf"))
  (gimp-image-delete image))

; Saves what was made of some jobs. Returns how many failed.
(define (gesso-batch-save-all jobs images errors)
  (let loop ((jobs jobs) (images images) (errors errors) (failed 0))
    (cond ((null? jobs) failed)
          ((and (pair? errors) (not (string=? (car errors) "")))
           (display (string-append (cadar jobs) ": " (car errors) "\n"))
           (loop (cdr jobs) images (cdr errors) (+ failed 1)))
          (else
           (gesso-batch-save (car images) (caar jobs))
           (display (string-append (caar jobs) "\n"))
           (loop (cdr jobs) (cdr images) (if (pair? errors) (cdr errors) '()) failed)))))

(define (gesso-batch-paint jobs model steps)
  (let ((made (plug-in-gesso-generate-batch #:prompts (map cadr jobs) #:seeds (list->vector (map caddr jobs))
                                            #:model model #:steps steps)))
    (gesso-batch-save-all jobs (vector->list (car made)) (caddr made))))

; With those above it.
(define (gesso-batch-make-folder folder)
  (let loop ((at (min 1 (string-length folder))))
    (let ((end? (>= at (string-length folder))))
      (if (and (or end? (char=? (string-ref folder at) #\/)) (not (file-exists? (substring folder 0 at))))
          (dir-make (substring folder 0 at)))
      (if (not end?)
          (loop (+ at 1)))))
  (if (not (file-exists? folder))
      (error "The folder for the pictures cannot be made:" folder)))

(define (gesso-batch file folder model steps seed)
  (gesso-batch-make-folder folder)
  (let loop ((jobs (gesso-batch-jobs file folder seed)) (failed 0))
    (if (null? jobs)
        (if (> failed 0)
            (error (string-append (number->string failed) " prompts failed.")))
        (let* ((n (min gesso-batch-size (length jobs)))
               (now (list-tail (reverse jobs) (- (length jobs) n))))
          (loop (list-tail jobs n) (+ failed (gesso-batch-paint (reverse now) model steps)))))))
