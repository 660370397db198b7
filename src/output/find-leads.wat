;; Looks for many beginnings at once, 16 places at a time. Compiled into find-leads.ts; a test compares the two.
(module
  ;; Page 0: what is searched, 32 KiB and what may be read beyond; from 48 KiB on six tables of 16 bytes.
  ;; Page 1: for each pair of bytes, the first one the low half of the number, whether some beginning has it.
  ;; Page 2: places that were found, 16 bits each.
  (memory (export "memory") 3)
  ;; Places before `end` with a pair that is known, ascending, written to page 2; answers how many.
  ;; The tables: for the low and the high half of each of three bytes, which of eight groups of beginnings have it.
  (func (export "find") (param $end i32) (result i32)
    (local $at i32) (local $bits i32) (local $place i32) (local $out i32) (local $bytes v128) (local $half v128)
    (local $low0 v128) (local $high0 v128) (local $low1 v128) (local $high1 v128) (local $low2 v128) (local $high2 v128)
    (local.set $half (i8x16.splat (i32.const 15)))
    (local.set $low0 (v128.load (i32.const 49152)))
    (local.set $high0 (v128.load (i32.const 49168)))
    (local.set $low1 (v128.load (i32.const 49184)))
    (local.set $high1 (v128.load (i32.const 49200)))
    (local.set $low2 (v128.load (i32.const 49216)))
    (local.set $high2 (v128.load (i32.const 49232)))
    (local.set $out (i32.const 131072))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $bytes (v128.load (local.get $at)))
        (i8x16.swizzle (local.get $low0) (v128.and (local.get $bytes) (local.get $half)))
        (i8x16.swizzle (local.get $high0) (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half)))
        (v128.and)
        (local.set $bytes (v128.load offset=1 (local.get $at)))
        (i8x16.swizzle (local.get $low1) (v128.and (local.get $bytes) (local.get $half)))
        (i8x16.swizzle (local.get $high1) (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half)))
        (v128.and)
        (v128.and)
        (local.set $bytes (v128.load offset=2 (local.get $at)))
        (i8x16.swizzle (local.get $low2) (v128.and (local.get $bytes) (local.get $half)))
        (i8x16.swizzle (local.get $high2) (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half)))
        (v128.and)
        (v128.and)
        (local.set $bytes)
        (if (v128.any_true (local.get $bytes))
          (then
            (local.set $bits (i8x16.bitmask (i8x16.ne (local.get $bytes) (v128.const i64x2 0 0))))
            (loop $candidate
              (local.set $place (i32.add (local.get $at) (i32.ctz (local.get $bits))))
              (br_if $done (i32.ge_u (local.get $place) (local.get $end)))
              (if (i32.load8_u offset=65536 (i32.load16_u (local.get $place)))
                (then
                  (i32.store16 (local.get $out) (local.get $place))
                  (local.set $out (i32.add (local.get $out) (i32.const 2)))))
              ;; Without its lowest bit.
              (local.set $bits (i32.and (local.get $bits) (i32.sub (local.get $bits) (i32.const 1))))
              (br_if $candidate (local.get $bits)))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (i32.shr_u (i32.sub (local.get $out) (i32.const 131072)) (i32.const 1))))
