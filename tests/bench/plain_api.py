"""A yardstick: the vote path without any thought for speed or safety. One XADD a request, nothing around it."""

import os
import time
import uuid
from typing import Literal

import redis.asyncio
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
store = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])


class SentVote(BaseModel):
    option: Literal["cats", "dogs"]


@app.post("/api/vote", status_code=201)
async def take(sent_vote: SentVote) -> dict[str, str]:
    fields = {"option": sent_vote.option, "timestamp": time.time_ns() // 1_000_000, "request_id": str(uuid.uuid4())}
    identifier = await store.xadd("votes", fields)
    return {"option": sent_vote.option, "stream_id": identifier.decode()}
