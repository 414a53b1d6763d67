"""From a question to an answer: question -> plan -> compile -> run -> answer."""
