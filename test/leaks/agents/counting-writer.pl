#!/usr/bin/perl
# counting-writer.pl COUNTER LINES: writes numbered lines of 100 bytes, one write(2) each where there is room, as fast as it
# can; after each that succeeded it puts the number into COUNTER (8 bytes, in place). Then it rests.
# What COUNTER says was written must be in the stream, whoever is killed.
use strict;
use warnings;
use Fcntl qw(O_RDWR O_CREAT SEEK_SET);
my ($counter, $lines) = @ARGV;
sysopen my $count, $counter, O_RDWR | O_CREAT, 0600 or die "$counter: $!";
$SIG{$_} = "IGNORE" for qw(HUP INT TERM);
my $number = 0;
while ($number < $lines) {
    my $head = sprintf "line %012d ", $number + 1;
    my $line = $head . "x" x (99 - length $head) . "\n";
    for (my $from = 0; $from < length $line;) {    # a full disk takes a part, then nothing
        my $wrote = syswrite STDOUT, $line, length($line) - $from, $from;
        if (defined $wrote) { $from += $wrote }
        else { select undef, undef, undef, 0.02 }
    }
    $number += 1;
    sysseek $count, 0, SEEK_SET;
    syswrite $count, pack "Q<", $number;
}
sleep 1 while 1;
