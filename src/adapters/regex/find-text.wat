;; Looks for a text by two of its bytes, 64 places at a time. Compiled into find-text.ts; a test compares the two.
(module
  ;; 1 MiB that is searched, a page for the text, and one that may be read beyond.
  (memory (export "memory") 18)
  ;; The next place where the text begins; -1 when there is none.
  ;;   at, end        places of the first byte: at <= place < end
  ;;   apart          from the first byte to the second, >= 0
  ;;   lead           from the beginning of the text to the first byte
  ;;   text, length   where the text lies, and its bytes
  (func (export "find")
    (param $at i32) (param $end i32) (param $first i32) (param $second i32) (param $apart i32)
    (param $lead i32) (param $text i32) (param $length i32) (result i32)
    (local $f v128) (local $s v128) (local $bits i32) (local $place i32) (local $same i32)
    (local.set $f (i8x16.splat (local.get $first)))
    (local.set $s (i8x16.splat (local.get $second)))
    (block $none
      (loop $next
        (block $seen
          (loop $wide
            (br_if $seen (i32.gt_u (i32.add (local.get $at) (i32.const 64)) (local.get $end)))
            (br_if $seen
              (v128.any_true
                (v128.or
                  (v128.or
                    (v128.and
                      (i8x16.eq (v128.load (local.get $at)) (local.get $f))
                      (i8x16.eq (v128.load (i32.add (local.get $at) (local.get $apart))) (local.get $s)))
                    (v128.and
                      (i8x16.eq (v128.load offset=16 (local.get $at)) (local.get $f))
                      (i8x16.eq (v128.load offset=16 (i32.add (local.get $at) (local.get $apart))) (local.get $s))))
                  (v128.or
                    (v128.and
                      (i8x16.eq (v128.load offset=32 (local.get $at)) (local.get $f))
                      (i8x16.eq (v128.load offset=32 (i32.add (local.get $at) (local.get $apart))) (local.get $s)))
                    (v128.and
                      (i8x16.eq (v128.load offset=48 (local.get $at)) (local.get $f))
                      (i8x16.eq (v128.load offset=48 (i32.add (local.get $at) (local.get $apart))) (local.get $s)))))))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br $wide)))
        (br_if $none (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $bits
          (i8x16.bitmask
            (v128.and
              (i8x16.eq (v128.load (local.get $at)) (local.get $f))
              (i8x16.eq (v128.load (i32.add (local.get $at) (local.get $apart))) (local.get $s)))))
        (block $missed
          (loop $candidate
            (br_if $missed (i32.eqz (local.get $bits)))
            (local.set $place (i32.add (local.get $at) (i32.ctz (local.get $bits))))
            (br_if $none (i32.ge_u (local.get $place) (local.get $end)))
            (local.set $place (i32.sub (local.get $place) (local.get $lead)))
            (local.set $same (i32.const 0))
            (block $differs
              (loop $byte
                (br_if $differs
                  (i32.ne
                    (i32.load8_u (i32.add (local.get $place) (local.get $same)))
                    (i32.load8_u (i32.add (local.get $text) (local.get $same)))))
                (local.set $same (i32.add (local.get $same) (i32.const 1)))
                (br_if $byte (i32.lt_u (local.get $same) (local.get $length))))
              (return (local.get $place)))
            ;; Without its lowest bit.
            (local.set $bits
              (i32.and (local.get $bits) (i32.sub (local.get $bits) (i32.const 1))))
            (br $candidate)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (i32.const -1)))
