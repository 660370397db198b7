#!/usr/bin/perl
# bystander.pl LOG ...: lives, and writes the name of every signal that it gets to LOG.
use strict;
use warnings;
my ($log) = @ARGV;
for my $name (qw(HUP INT QUIT TERM USR1 USR2 CONT ALRM TSTP PIPE)) {
    $SIG{$name} = sub { open my $file, ">>", $log or die; print $file "$name\n"; close $file };
}
open my $file, ">", $log or die "$log: $!";
close $file;
select undef, undef, undef, 3600 while 1;
