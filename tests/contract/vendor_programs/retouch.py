import sys
import time
from pathlib import Path

import requests

address, token, photo, payload, result, pause = sys.argv[1:]

with Path(photo).open("rb") as file:
    started = requests.post(
        f"{address}/api/v1/retoucher/start",
        files={"file": file},
        data={"token": token, "payload": Path(payload).read_text("utf-8")},
        timeout=60,
    ).json()
if started["status"] != 200:
    sys.exit(f"start: {started}")
job = started["id"]

while True:
    status = requests.get(f"{address}/api/v1/retoucher/status/{job}", timeout=60).json()
    if status["status"] != 200:
        sys.exit(f"status: {status}")
    print(status["state"], status["progress"], status["pluginName"])
    if status["state"] == "completed":
        break
    if status["state"] == "failed":
        sys.exit(f"failed: {status['reason']}")
    time.sleep(float(pause))

answer = requests.get(f"{address}/api/v1/retoucher/getFile/{job}", timeout=60)
answer.raise_for_status()
Path(result).write_bytes(answer.content)
