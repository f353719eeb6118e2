"""`python -m tests.faults.program agent|processor|sink …`: the product's commands as processes of their own."""

import click

from producers.command import agent
from sinks.command import sink
from stream_processors.command import processor

if __name__ == "__main__":
    click.Group("hemis", commands={"agent": agent, "processor": processor, "sink": sink})()
