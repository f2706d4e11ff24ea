<?php
// PHP's own server serves one request at a time. WORKER_CONCURRENCY=1 tells the
// pool, which then gives each worker one and lets the others wait for any.
//
//   WORKER_CONCURRENCY=1 POOL_SIZE=8 ./tools/prefork-pool.ts -- php -S {host}:{port} examples/php.php
//   curl localhost:8080/
//
// For an application with files of its own: -t public public/index.php. Many
// processes of PHP behind FastCGI are PHP-FPM's task, not this pool's.

header('Content-Type: application/json');
echo json_encode([
    'path' => $_SERVER['REQUEST_URI'],
    'client' => $_SERVER['HTTP_X_FORWARDED_FOR'],
    'worker' => getenv('WORKER_ID'),
]), "\n";
