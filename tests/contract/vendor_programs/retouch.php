<?php
[, $address, $token, $photo, $payload, $result, $pause] = $argv;

function answer(string $url, ?array $form = null): string
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_FOLLOWLOCATION => true]);
    if ($form !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, $form);
    }
    $body = curl_exec($curl);
    $code = curl_getinfo($curl, CURLINFO_HTTP_CODE);
    if ($body === false || $code !== 200) {
        fwrite(STDERR, "$url: $code " . curl_error($curl) . " $body\n");
        exit(1);
    }
    return $body;
}

$started = json_decode(answer("$address/api/v1/retoucher/start", [
    'file' => new CURLFile($photo),
    'token' => $token,
    'payload' => file_get_contents($payload),
]), true);
$id = $started['id'];

do {
    $status = json_decode(answer("$address/api/v1/retoucher/status/$id"), true);
    echo "{$status['state']} {$status['progress']} {$status['pluginName']}\n";
    if ($status['state'] === 'failed') {
        fwrite(STDERR, $status['reason'] . "\n");
        exit(1);
    }
    $over = $status['state'] === 'completed';
    $over || usleep((int) (1e6 * (float) $pause));
} while (!$over);

file_put_contents($result, answer("$address/api/v1/retoucher/getFile/$id"));
