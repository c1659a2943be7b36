"""A gRPC service that knows nothing of A2A: it translates, and streams the words.

    python -m examples.translator.server [--address 127.0.0.1:50061] [--pause 0.15]

It needs grpcio-tools, which makes the messages from translator.proto as the program starts, and
grpcio-reflection, by which the gateway learns of them. `listening on grpc://HOST:PORT` says where.
"""

# The modules that grpcio generates carry no types.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

messages: Any
services: Any
messages, services = grpc.protos_and_services(str(Path("examples/translator/translator.proto")))  # type: ignore[attr-defined]

WORDS = {
    "de": {"good": "guten", "morning": "Morgen", "world": "Welt", "hello": "hallo", "cat": "Katze", "the": "die"},
    "fr": {"good": "bon", "morning": "matin", "world": "monde", "hello": "bonjour", "cat": "chat", "the": "le"},
    "es": {"good": "buenos", "morning": "días", "world": "mundo", "hello": "hola", "cat": "gato", "the": "el"},
}


class Translator(services.TranslatorServicer):
    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s

    async def Translate(self, request: Any, context: Context) -> AsyncIterator[Any]:
        language = request.target_language or "de"
        if language not in WORDS:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no words of {language!r}; try {', '.join(WORDS)}")
        try:
            for index, word in enumerate(request.text.split()):
                await asyncio.sleep(self._pause_s)
                translated = WORDS[language].get(word.lower().strip(".,!?"), word)
                yield messages.TranslateChunk(chunk=f" {translated}" if index else translated)
        except (asyncio.CancelledError, GeneratorExit):  # the latter where it was cancelled while a word went out
            print("cancelled", flush=True)
            raise


async def serve(address: str, pause_s: float) -> None:
    """Serves until SIGTERM or SIGINT."""
    server = grpc.aio.server()
    services.add_TranslatorServicer_to_server(Translator(pause_s), server)
    reflection.enable_server_reflection(["demo.translate.v1.Translator", reflection.SERVICE_NAME], server)
    port = server.add_insecure_port(address)
    await server.start()
    print(f"listening on grpc://{address.rpartition(':')[0]}:{port}", flush=True)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await server.stop(grace=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1:50061", help="HOST:PORT; port 0 takes any free one")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds before each word")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.address, arguments.pause))


if __name__ == "__main__":
    main()
