<?php
// An application that waits for something else 20 ms, and computes a little:
// as one that asks a database. For `php -S` with several children.
header('X-Worker: ' . getmypid());
header('Content-Type: text/plain');
usleep(20000);
$sum = 0;
for ($i = 0; $i < 20000; $i++) $sum += $i & 7;
echo $sum, "\n";
