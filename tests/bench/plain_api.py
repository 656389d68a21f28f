"""A baseline: a vote path with no regard for speed or safety. One XADD per request and nothing else."""

import os
import time
import uuid
from typing import Literal

import redis.asyncio
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
store = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])


class VoteBody(BaseModel):
    option: Literal["cats", "dogs"]


@app.post("/api/vote", status_code=201)
async def vote(body: VoteBody) -> dict[str, str]:
    fields = {"option": body.option, "timestamp": time.time_ns() // 1_000_000, "request_id": str(uuid.uuid4())}
    identifier = await store.xadd("votes", fields)
    return {"option": body.option, "stream_id": identifier.decode()}
