#!/usr/bin/perl
# reaper.pl COMMAND ...: becomes the reaper of all that its command leaves, and ends when nobody is left.
# It stands above a tree and is no part of it: that it has ended proves that nobody of the tree is left.
use strict;
use warnings;
use POSIX ();
my $prctl = (POSIX::uname())[4] eq "aarch64" ? 167 : 157;
syscall($prctl, 36, 1, 0, 0, 0) == 0 or die "prctl: $!";
my $pid = fork() // die "fork: $!";
unless ($pid) { exec @ARGV or die "$ARGV[0]: $!" }
close STDOUT;
1 while waitpid(-1, 0) > 0;
